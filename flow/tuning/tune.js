"use strict";
// Draws the search: what Plotly needs is in the page as JSON, and a click on a design copies its command.
const data = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const ink = dark ? "#e8ebf0" : "#16191f";
const faint = dark ? "#3a4452" : "#cfd5dd";
const accent = dark ? "#6aa9ea" : "#2b6cb0";
const options = { displaylogo: false, responsive: true };
const layout = (more) => ({
  paper_bgcolor: "rgba(0,0,0,0)",
  plot_bgcolor: "rgba(0,0,0,0)",
  font: { color: ink, family: "system-ui, sans-serif", size: 13 },
  margin: { l: 70, r: 20, t: 20, b: 60 },
  hoverlabel: { align: "left" },
  legend: { orientation: "h", y: 1.12 },
  ...more,
});
const axis = (objective) => ({
  title: { text: `${objective.title}, ${objective.best} is best` },
  type: objective.log ? "log" : "linear",
  gridcolor: faint,
  zeroline: false,
});

function copy(design) {
  const shown = document.getElementById("command");
  shown.textContent = design.command;
  document.getElementById("copied").textContent = `Trial ${design.number}: the command`;
  if (navigator.clipboard) {
    navigator.clipboard.writeText(design.command).then(
      () => (document.getElementById("copied").textContent = `Trial ${design.number}: the command is copied`),
      () => {}
    );
  }
}

function front() {
  const names = data.objectives;
  // Two axes are what is minimised, as far as there is; the colour is the rest.
  const x = names.length > 2 ? 1 : 0;
  const y = names.length > 2 ? 2 : Math.min(1, names.length - 1);
  const rest = names.findIndex((_, k) => k !== x && k !== y);
  const of = (list, k) => list.map((one) => one.values[k]);
  const traces = [true, false].map((kept) => {
    const some = data.others.filter((one) => one.kept === kept);
    return {
      name: kept ? "other trials (model)" : "beyond limits (model)",
      x: of(some, x),
      y: of(some, y),
      mode: "markers",
      type: "scatter",
      hoverinfo: "skip",
      marker: { size: 5, color: faint, symbol: kept ? "circle" : "x-thin", line: { color: faint, width: 1 } },
    };
  });
  const kinds = [
    ["front (model)", (one) => one.depth === 1, "circle"],
    ["built and measured", (one) => one.depth === 3 && !one.problem, "diamond"],
    ["not to be used", (one) => one.depth > 1 && (one.problem || one.depth < 3), "x"],
  ];
  const third = rest < 0 ? [0] : of(data.designs, rest);
  const low = Math.min(...third);
  const high = Math.max(...third, low + 0.01 * Math.abs(low) + 1e-9); // one value is a colour too
  const colorbar = rest < 0 ? {} : { title: { text: names[rest].title } };
  const shown = kinds.find(([, which]) => data.designs.some(which))[0];
  const designs = [];
  for (const [name, which, symbol] of kinds) {
    const some = data.designs.filter(which);
    if (!some.length) continue;
    designs[traces.length] = some;
    traces.push({
      name,
      x: of(some, x),
      y: of(some, y),
      text: some.map((one) => one.text + (one.roles.length ? `<br><b>${one.roles.join(", ")}</b>` : "")),
      hoverinfo: "text",
      mode: "markers",
      type: "scatter",
      marker: {
        size: symbol === "circle" ? 10 : 14,
        symbol,
        line: { color: ink, width: 1 },
        color: rest < 0 ? accent : of(some, rest),
        ...(rest < 0 ? {} : { colorscale: "Viridis", cmin: low, cmax: high, colorbar, showscale: name === shown }),
      },
    });
  }
  const where = document.getElementById("front");
  Plotly.newPlot(where, traces, layout({ xaxis: axis(names[x]), yaxis: axis(names[y]), hovermode: "closest" }), options);
  where.on("plotly_click", (event) => {
    const point = event.points.find((one) => designs[one.curveNumber]);
    if (point) copy(designs[point.curveNumber][point.pointNumber]);
  });
}

function parallel() {
  const heads = [...data.axes.map((one) => one.name), ...data.objectives.map((one) => one.title)];
  const all = [...data.others, ...data.designs];
  const ends = data.objectives.map((one, k) => {
    const scale = (value) => (one.log ? Math.log(Math.max(value, 1e-9)) : value);
    const values = all.map((trial) => scale(trial.values[k]));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    return (value) => (high > low ? (scale(value) - low) / (high - low) : 0.5);
  });
  const heights = (trial) => [
    ...trial.choices.map((choice, k) => choice / (data.axes[k].choices.length - 1)),
    ...trial.values.map((value, k) => ends[k](value)),
  ];
  const places = heads.map((_, k) => k);
  const grey = { name: "other trials", x: [], y: [], mode: "lines", line: { color: faint, width: 0.5 }, hoverinfo: "skip" };
  for (const trial of data.others) {
    grey.x.push(...places, null);
    grey.y.push(...heights(trial), null);
  }
  const lines = data.designs.map((design) => ({
    x: places,
    y: heights(design),
    mode: "lines",
    line: { color: design.depth === 3 ? "#b3261e" : accent, width: design.depth === 3 ? 2.5 : 1 },
    text: places.map(() => design.text),
    hoverinfo: "text",
    showlegend: false,
  }));
  // What a choice is called, and between which values an objective is.
  const words = { x: [], y: [], text: [], mode: "text", hoverinfo: "skip", showlegend: false, textfont: { size: 10 } };
  data.axes.forEach((one, k) =>
    one.choices.forEach((choice, c) => {
      words.x.push(k);
      words.y.push(c / (one.choices.length - 1));
      words.text.push(choice);
    })
  );
  data.objectives.forEach((_, k) => {
    const values = all.map((trial) => trial.values[k]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    for (const [height, value] of high > low ? [[0, low], [1, high]] : [[0.5, low]]) {
      words.x.push(data.axes.length + k);
      words.y.push(height);
      words.text.push(String(Number(value.toPrecision(4))));
    }
  });
  Plotly.newPlot(
    "parallel",
    [grey, ...lines, words],
    layout({
      xaxis: { tickvals: places, ticktext: heads, tickangle: -30, gridcolor: faint, zeroline: false, range: [-0.4, heads.length - 0.6] },
      yaxis: { visible: false },
      margin: { l: 30, r: 30, t: 20, b: 130 },
      showlegend: false,
      hovermode: "closest",
    }),
    options
  );
}

function importance() {
  const traces = Object.entries(data.importance).map(([name, shares]) => ({
    name,
    y: Object.keys(shares),
    x: Object.values(shares),
    type: "bar",
    orientation: "h",
  }));
  Plotly.newPlot(
    "importance",
    traces,
    layout({
      xaxis: { title: { text: "share of the spread that the axis explains by itself" }, gridcolor: faint, tickformat: ".0%" },
      yaxis: { automargin: true },
      height: 140 + 44 * data.axes.length,
    }),
    options
  );
}

function measured() {
  const numbers = [...new Set(data.measured.map((one) => one.number))];
  const traces = numbers.map((number) => {
    const mine = data.measured.filter((one) => one.number === number);
    return {
      name: `trial ${number}`,
      x: mine.map((one) => one.name),
      y: mine.map((one) => one.ratio - 1),
      type: "bar",
      hovertemplate: "%{x}: %{y:+.1%}<extra></extra>",
    };
  });
  Plotly.newPlot(
    "measured",
    traces,
    layout({ yaxis: { title: { text: "measured, beyond the model" }, tickformat: "+.0%", gridcolor: faint } }),
    options
  );
}

if (data.designs.length) front();
parallel();
importance();
if (data.measured.length) measured();
for (const button of document.querySelectorAll("button[data-number]")) {
  button.addEventListener("click", () => copy(data.designs.find((one) => one.number === Number(button.dataset.number))));
}
