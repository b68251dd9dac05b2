"use strict";
// The page is whole without this: it filters, opens what a link leads to, copies keys, opens all for print.
const all = [...document.querySelectorAll("details")];
const findings = [...document.querySelectorAll(".findings > details")];
const form = document.getElementById("filter");

function open(where) {
  const target = where && document.getElementById(where);
  for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (target) {
    if (form && target.hidden) { form.reset(); filter(); }
    target.scrollIntoView();
  }
}

function filter() {
  const words = form.words.value.toLowerCase().split(/\s+/).filter(Boolean);
  const severities = [...form.querySelectorAll("[name=severity]:checked")].map((box) => box.value);
  let shown = 0;
  for (const finding of findings) {
    finding.said ??= [".line", "h3", ".cost", ".inline", ".key"]
      .map((part) => finding.querySelector(part)?.textContent ?? "").join(" ").toLowerCase();
    const fits = severities.includes(finding.dataset.severity)
      && (!form.rule.value || form.rule.value === finding.dataset.rule)
      && words.every((word) => finding.said.includes(word));
    finding.hidden = !fits;
    shown += fits;
  }
  form.querySelector("output").textContent = `${shown.toLocaleString("en")} of ${findings.length.toLocaleString("en")} shown`;
}

if (form) {
  form.hidden = false;
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.elements.open.addEventListener("click", () => findings.forEach((one) => { one.open ||= !one.hidden; }));
  form.elements.close.addEventListener("click", () => findings.forEach((one) => { one.open = false; }));
  form.reset();  // a browser may have kept what was typed before a reload
}

for (const key of document.querySelectorAll(".key")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(key);
    try {
      await navigator.clipboard.writeText(key.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Selected";
    }
  });
  key.after(" ", button);
}

let closed = [];
addEventListener("beforeprint", () => {
  closed = all.filter((one) => !one.open);
  closed.forEach((one) => { one.open = true; });
});
addEventListener("afterprint", () => closed.forEach((one) => { one.open = false; }));
addEventListener("hashchange", () => open(decodeURIComponent(location.hash.slice(1))));
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#']");
  if (link && link.hash === location.hash) open(link.hash.slice(1));
});
open(decodeURIComponent(location.hash.slice(1)));
