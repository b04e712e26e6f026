// Keeps the page itself on the phone, so that it opens without a network. Everything under /v1/ goes to the room.
'use strict'
const NAME = 'page'
addEventListener('install', event => event.waitUntil(caches.open(NAME).then(all => all.addAll(['/', '/icon.svg', '/manifest.webmanifest'])).then(() => skipWaiting())))
addEventListener('activate', event => event.waitUntil(clients.claim()))
addEventListener('fetch', event => {
  const url = new URL(event.request.url)
  if (event.request.method != 'GET' || url.origin != location.origin || url.pathname.startsWith('/v1/')) return
  // What is kept is shown at once; what the room has now is kept for the next time.
  event.respondWith(caches.open(NAME).then(async all => {
    const kept = await all.match(event.request)
    const fresh = fetch(event.request).then(answer => { if (answer.ok) all.put(event.request, answer.clone()); return answer })
    if (kept) { fresh.catch(() => {}); return kept }
    return fresh
  }))
})
