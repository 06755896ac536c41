// Pictures are drawn anew before they leave the device: smaller, and without what the camera wrote into them (place, time,
// owner). Reports as PDF stay as they are.

const LONGEST = 1_600;
const QUALITY = 0.82;
const MOST_BYTES = 20_971_520;

export class Unusable extends Error {}

// Gives { name, type, data } of a chosen file. Throws Unusable with the key of what to say.
export async function prepared(file, { documents = false } = {}) {
  if (!file.size) throw new Unusable("photo_empty");
  if (file.size > MOST_BYTES) throw new Unusable("photo_large");
  if (documents && file.type === "application/pdf") {
    return { name: "report.pdf", type: "application/pdf", data: await file.arrayBuffer() };
  }
  let drawn;
  try {
    drawn = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Unusable(documents ? "report_kind" : "photo_kind");
  }
  const scale = Math.min(1, LONGEST / Math.max(drawn.width, drawn.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(drawn.width * scale));
  canvas.height = Math.max(1, Math.round(drawn.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff"; // what was transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(drawn, 0, 0, canvas.width, canvas.height);
  drawn.close();
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
  if (!blob) throw new Unusable("photo_kind");
  return { name: "photo.jpg", type: "image/jpeg", data: await blob.arrayBuffer() };
}
