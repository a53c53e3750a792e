"use strict";
// The picture moves by itself; this stops it, goes to any of its intervals, and says where it is.
const section = document.getElementById("cores");
const [picture, controls, play, slider, clocks, now] = [".flow", ".controls", "button", "input", "output", ".now"].map(
  (what) => section.querySelector(what)
);
const ended = [...section.querySelectorAll("[data-ticks]")].map((shown) => [
  shown,
  shown.dataset.ticks.split(" ").map(Number),
]);
const perSecond = Number(controls.dataset.perSecond);
const interval = Number(controls.dataset.interval);
let playing;

function run(on) {
  playing = on;
  on ? picture.unpauseAnimations() : picture.pauseAnimations();
  play.textContent = on ? "Pause" : "Play";
}

function show(frame) {
  const end = (frame + 1) * interval;
  slider.value = frame;
  clocks.value = `clocks ${end - interval} to ${end - 1}`;
  now.setAttribute("transform", `translate(${frame + 0.5} 0)`);
  for (const [shown, ticks] of ended) shown.textContent = ticks.filter((clock) => 0 < clock && clock < end).length;
}

play.addEventListener("click", () => run(!playing));
slider.addEventListener("input", () => {
  run(false);
  picture.setCurrentTime((slider.valueAsNumber + 0.5) / perSecond);
  show(slider.valueAsNumber);
});
setInterval(() => {
  if (playing) show(Math.floor(picture.getCurrentTime() * perSecond) % (Number(slider.max) + 1));
}, 500 / perSecond);
run(!matchMedia("(prefers-reduced-motion: reduce)").matches);
show(0);
controls.hidden = false;
