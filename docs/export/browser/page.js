// Generates images with an ONNX file beside this page. model.json describes its inputs (see build.py).
import * as ort from "./ort.wasm.min.mjs";

const COUNT = 16;
const COLUMNS = 4;
const element = (id) => document.getElementById(id);

// Threads need headers that a plain file server does not send.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./", import.meta.url).href;

// Uniform numbers in [0, 1) from a 32-bit seed (mulberry32).
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// Standard normal numbers (Box-Muller).
function normal(length, seed) {
  const next = uniform(seed);
  const result = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    result[i] = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  }
  return result;
}

// Spherical interpolation: the length stays that of random latents.
function slerp(a, b, position) {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  const angle = Math.acos(Math.min(1, Math.max(-1, dot / Math.sqrt(aa * bb))));
  const [first, second] =
    angle < 1e-6
      ? [1 - position, position]
      : [Math.sin((1 - position) * angle) / Math.sin(angle), Math.sin(position * angle) / Math.sin(angle)];
  return a.map((value, i) => first * value + second * b[i]);
}

// Images as uint8 (count, height, width, channels), from latents and, for a conditional model, classes.
async function generate(model, session, latents, labels) {
  const count = latents.length / model.latent_dim;
  const inputs = { [model.latents]: new ort.Tensor("float32", latents, [count, model.latent_dim]) };
  if (model.labels) {
    inputs[model.labels] = new ort.Tensor("int32", Int32Array.from(labels), [count]);
  }
  const output = (await session.run(inputs))[model.output];
  // Uint8ClampedArray rounds and clips.
  return Uint8ClampedArray.from(output.data, (value) => (value + 1) * 127.5);
}

function draw(canvas, model, pixels, columns) {
  const [height, width, channels] = model.image_shape;
  const count = pixels.length / (height * width * channels);
  canvas.width = columns * width;
  canvas.height = Math.ceil(count / columns) * height;
  const context = canvas.getContext("2d");
  for (let i = 0; i < count; i++) {
    const image = context.createImageData(width, height);
    for (let p = 0; p < height * width; p++) {
      for (let c = 0; c < 3; c++) {
        image.data[4 * p + c] = pixels[(i * height * width + p) * channels + (channels === 3 ? c : 0)];
      }
      image.data[4 * p + 3] = 255;
    }
    context.putImageData(image, (i % columns) * width, Math.floor(i / columns) * height);
  }
}

async function start() {
  const model = await (await fetch("model.json")).json();
  const session = await ort.InferenceSession.create(new URL("model.onnx", import.meta.url).href);
  element("name").textContent = model.name;
  element("description").textContent = `${model.description} Images are generated in this browser.`;
  if (model.labels) {
    element("class").append(new Option("all in turn", "-1"), ...model.classes.map((name, i) => new Option(name, i)));
    element("classes").hidden = false;
  }
  let latents;
  let labels;
  let busy = Promise.resolve();

  async function all() {
    const seed = Number(element("seed").value);
    const chosen = Number(element("class").value || -1);
    latents = normal(COUNT * model.latent_dim, seed);
    labels = Array.from({ length: COUNT }, (_, i) => (chosen < 0 ? i % (model.classes || [0]).length : chosen));
    const began = performance.now();
    const pixels = await generate(model, session, latents, labels);
    const milliseconds = Math.round(performance.now() - began);
    draw(element("images"), model, pixels, COLUMNS);
    await between();
    element("status").textContent = `${COUNT} images of seed ${seed} in ${milliseconds} ms.`;
    // For the console, and for tests.
    window.generated = { seed, latents, labels, pixels };
  }

  async function between() {
    const [first, second] = [0, 1].map((i) => latents.subarray(i * model.latent_dim, (i + 1) * model.latent_dim));
    const position = Number(element("position").value);
    const pixels = await generate(model, session, slerp(first, second, position), [labels[position < 0.5 ? 0 : 1]]);
    draw(element("between"), model, pixels, 1);
    element("position").dataset.shown = String(position);
  }

  // A session runs one request at a time.
  const queue = (work) => (busy = busy.then(work).catch(show));
  element("settings").addEventListener("submit", (event) => {
    event.preventDefault();
    queue(all);
  });
  element("random").addEventListener("click", () => {
    element("seed").value = crypto.getRandomValues(new Uint32Array(1))[0];
    queue(all);
  });
  element("class").addEventListener("change", () => queue(all));
  element("position").addEventListener("input", () => queue(between));
  await queue(all);
  for (const id of ["generate", "random", "position"]) {
    element(id).disabled = false;
  }
}

function show(error) {
  element("status").textContent = `This does not work: ${error.message || error}`;
}

start().catch(show);
