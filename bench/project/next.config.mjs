/** @type {import('next').NextConfig} */
export default {
  // No contestant compresses.
  compress: false,
}
