const version = Number(document.body.dataset.version)
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
for (;;) {
  try {
    const answer = await fetch(`/__byway/events?since=${version}`, { cache: 'no-store' })
    if ((await answer.json()).version !== version) break
  } catch {
    // The server is being started again.
    await wait(500)
  }
}
location.reload()
