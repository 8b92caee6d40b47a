// Offers the messages as notifications of this browser, where it can show them. Without script the offer stays hidden.
"use strict";

const offer = document.getElementById("browser");
const said = offer.querySelector("[role=alert]");

function say(sentence) {
  said.textContent = sentence;
  said.hidden = !sentence;
}

async function subscription() {
  if (await Notification.requestPermission() !== "granted")
    throw new Error("Your browser does not let us show notifications. You can allow them in its settings.");
  const { pushManager } = await navigator.serviceWorker.register(offer.dataset.worker)
    .then(() => navigator.serviceWorker.ready);
  const wish = { userVisibleOnly: true, applicationServerKey: offer.dataset.key };
  try {
    return await pushManager.subscribe(wish);
  } catch (error) {
    // One that was made for an earlier key of ours is in the way.
    const old = await pushManager.getSubscription();
    if (!old) throw error;
    await old.unsubscribe();
    return pushManager.subscribe(wish);
  }
}

async function subscribe() {
  const form = new FormData(document.querySelector("form"));
  if (!form.has("groups")) throw new Error("Please choose above what you want to hear about.");
  form.set("address", JSON.stringify(await subscription()));
  const answer = await fetch(offer.dataset.url, { method: "POST", body: form });
  const { manage, wrong } = await answer.json();
  if (wrong) throw new Error(wrong);
  location.assign(manage);
}

if ("serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  offer.hidden = false;
  offer.querySelector("button").addEventListener("click", () => {
    say("");
    subscribe().catch(error => say(error.message));
  });
}
