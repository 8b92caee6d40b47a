// Offers in return only shifts of the person who is asked. Without this script all are listed, by person.
"use strict";

const asked = document.getElementById("swap_asked");
const back = document.getElementById("swap_back");
const groups = [...back.querySelectorAll("optgroup")];

function choose() {
  for (const group of groups) {
    const theirs = group.querySelector("option").value.split(" ")[0] === asked.value;
    if (!theirs) group.remove();
    else if (!group.isConnected) back.append(group);
  }
  back.closest(".field").hidden = back.options.length < 2;
}

asked.addEventListener("change", choose);
choose();
