// Shows what has happened since the page was opened: every 20 seconds, and when the reader comes back to it.
// Without this script the link “Refresh” does the same.
"use strict";

const PARTS = [".acts", ".open", ".timeline"];
const asking = () => document.querySelector(".acts details[open]"); // nothing moves under a finger

async function renew() {
  if (document.hidden || asking()) return;
  const answer = await fetch(location.pathname).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (asking()) return;
  for (const part of PARTS) {
    const [shown, there] = [document.querySelector(part), fresh.querySelector(part)];
    if (!shown || !there || shown.innerHTML === there.innerHTML) continue;
    shown.className = there.className;
    shown.replaceChildren(...there.childNodes);
  }
}

setInterval(renew, 20_000);
document.addEventListener("visibilitychange", renew);
