/** Writes the part of TOML that `resound.toml` needs. */

/** The text of a `resound.toml` with these settings and apps. */
export function toml({ apps = [], ...settings }) {
  const tables = apps.map((app) => `\n[[apps]]\n${lines(app)}`);
  return `${lines(settings)}${tables.join('')}`;
}

function lines(settings) {
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${written(value)}\n`)
    .join('');
}

function written(value) {
  if (Array.isArray(value)) {
    return `[${value.map(written).join(', ')}]`;
  }
  if (typeof value === 'object') {
    const pairs = Object.entries(value).map(([key, inner]) => `${key} = ${written(inner)}`);
    return `{ ${pairs.join(', ')} }`;
  }
  // A JSON string, number or boolean is also a TOML one.
  return JSON.stringify(value);
}
