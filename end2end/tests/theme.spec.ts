// Light, dark, system: chosen once, kept, and applied before the first paint.
import { expect, test } from './support/test';
import type { Person } from './support/person';

/** Lightness of the page's background, 0 to 255. */
const lightness = (person: Person) =>
  person.page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d')!;
    // From the back to the front, as the browser paints.
    for (const element of [document.documentElement, document.body]) {
      canvas.fillStyle = getComputedStyle(element).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return Math.round((red + green + blue) / 3);
  });

test('the system decides until one chooses', async ({ person }) => {
  const ada = await person({ browser: { colorScheme: 'dark' } });
  expect(await lightness(ada)).toBeLessThan(60);
  await ada.account('Light theme');
  await expect.poll(() => lightness(ada)).toBeGreaterThan(200);
  await ada.reload();
  expect(await lightness(ada)).toBeGreaterThan(200);
  await ada.account('System theme');
  await expect.poll(() => lightness(ada)).toBeLessThan(60);
});

test('a chosen theme is there before the page wakes', async ({ person }) => {
  const ada = await person({ browser: { colorScheme: 'light' } });
  await ada.account('Dark theme');
  await expect.poll(() => lightness(ada)).toBeLessThan(60);
  await ada.page.route('**/*.wasm', () => {});
  await ada.page.goto('/', { waitUntil: 'domcontentloaded' });
  expect(await lightness(ada)).toBeLessThan(60);
});
