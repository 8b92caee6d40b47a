// Chooses the browser's time zone for a reader who has not chosen one yet; it counts only when they save.
"use strict";

const list = document.querySelector("[data-zone=browser]");
const canonical = (timeZone) => Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone;
const same = ({ value }) => {
  try {
    return canonical(value) === here; // browsers go on using old names, such as Asia/Calcutta
  } catch {
    return false; // a zone that is newer than the browser
  }
};
const here = canonical();
const options = [...(list?.options ?? [])];
const found = options.find(({ value }) => value === here) ?? options.find(same);
if (found) list.value = found.value;
