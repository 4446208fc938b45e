import type { ReactNode } from 'react'

// Next does not build an app folder without a root layout.
export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>{children}</body>
    </html>
  )
}
