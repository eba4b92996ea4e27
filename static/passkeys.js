// Passkeys: requests one from the browser with allauth's script, and shows errors in words.
(() => {
  "use strict";
  const button = document.querySelector("[data-passkey]");
  const trouble = document.querySelector("[data-passkey-trouble]");
  if (!button || !trouble) return;
  const show = (text) => {
    trouble.textContent = text;
    trouble.hidden = false;
  };
  if (!window.PublicKeyCredential) {
    if (button.dataset.passkey !== "sign-in") show("This browser has no passkeys under this address. Passkeys need HTTPS.");
    return;
  }
  document.querySelectorAll("[data-passkey], [data-with-passkey]").forEach((el) => { el.hidden = false; });

  const words = {
    NotAllowedError: "No passkey was used: the request was cancelled, or took too long. Try again.",
    InvalidStateError: "This device already has one of your passkeys. Use this passkey, or another device.",
    SecurityError: "Passkeys need the bank's own name in the address, such as localhost instead of 127.0.0.1.",
  };
  // Thrown by allauth's script if the server sends no challenge.
  words.Error = "The bank did not answer, perhaps after too many tries. Wait a few minutes, then try again.";
  document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    show(words[event.detail.exception?.name] ?? "The passkey could not be used. Try again, or choose another way.");
  });
  button.addEventListener("click", () => { trouble.hidden = true; });

  const { addForm, authenticateForm, loginForm, signupForm } = window.allauth.webauthn.forms;
  const begin = { "add": addForm, "use": authenticateForm, "sign-in": loginForm, "sign-up": signupForm }[button.dataset.passkey];
  const ids = { credential: "id_credential", passwordless: "id_passwordless", data: "passkey-options" };
  begin({ ids: { ...ids, add: button.id, authenticate: button.id, login: button.id, signup: button.id } });
})();
