// `next/dist/server/api-utils`: programs throw its `ApiError` to choose the status of an answer.

export { ApiError } from '../../../pages/api-error.ts'
