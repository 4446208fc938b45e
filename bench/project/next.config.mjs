/** @type {import('next').NextConfig} */
export default {
  // No contestant compresses.
  compress: false,
  redirects: () => [{ source: '/people/:id', destination: '/api/users/:id', permanent: false }],
}
