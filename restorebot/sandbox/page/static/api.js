// What a person does goes to the server from here, and what went wrong is said here.
const toast = document.getElementById("toast");
let hiding = 0;

export function say(sentence) {
  toast.textContent = sentence;
  // Shown anew, it comes to lie above a modal that was opened since.
  toast.hidePopover();
  toast.showPopover();
  clearTimeout(hiding);
  hiding = setTimeout(() => toast.hidePopover(), 8000);
}

toast.addEventListener("click", () => toast.hidePopover());

// The answer's JSON, or null after the person has been told why there is none.
export async function send(path, body = {}) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    const read = await answer.json();
    if (answer.ok) return read;
    say(read.error || "That did not work.");
  } catch {
    say("The demo does not answer. Is it still running in the terminal?");
  }
  return null;
}

// One request at a time for each control: it is disabled while its own is under way.
export async function whileBusy(control, work) {
  if (control.getAttribute("aria-disabled") === "true") return;
  control.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    control.removeAttribute("aria-disabled");
  }
}
