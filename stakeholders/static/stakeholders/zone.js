// Chooses the browser's time zone for a reader who has not chosen one yet; it counts only when they save.
"use strict";

const list = document.querySelector("[data-zone=browser]");
const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
if (list && [...list.options].some((option) => option.value === timeZone)) list.value = timeZone;
