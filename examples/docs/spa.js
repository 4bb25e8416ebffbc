document.getElementById("leave").addEventListener("click", () => window.aiocancel.open());

// Fired on the document, because this page has no form of aiocancel's.
document.addEventListener("aiocancel:outcome", (event) => {
  const said = document.getElementById("said");
  if (event.detail.message) {
    said.textContent = event.detail.message;
  } else {
    // The vendor's window did not open, or the choice could not be sent: lead to the plain page.
    said.innerHTML = '<a href="/cancel">Cancel here instead</a>';
  }
});
