// Started by the browser when a message comes: shows it. A click opens the page where what comes can be chosen or stopped.
"use strict";

self.addEventListener("push", event => {
  const { id, title, body, url } = event.data.json();
  // The same message a second time takes the place of the first.
  event.waitUntil(self.registration.showNotification(title, { body, tag: id, data: url }));
});

self.addEventListener("notificationclick", event => {
  event.notification.close();
  if (event.notification.data) event.waitUntil(self.clients.openWindow(event.notification.data));
});
