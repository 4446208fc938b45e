export { GET } from '../../../users/[id]/route'
