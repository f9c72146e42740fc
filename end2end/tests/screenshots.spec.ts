// Pictures of each page into end2end/screenshots, for people to look at. The README shows chat.png, the only one in the
// repository: no two runs draw the same bytes (times, names), so it is replaced by chat-light.png only when it is missing
// or when UPDATE_SCREENSHOT=1 asks for it.
import { copyFileSync, existsSync } from 'node:fs';
import { devices } from '@playwright/test';
import { test } from './support/test';
import type { Person } from './support/person';

const FOLDER = `${import.meta.dirname}/../screenshots`;
const SHAPES = {
  'light': { colorScheme: 'light', viewport: { width: 1200, height: 800 } },
  'dark': { colorScheme: 'dark', viewport: { width: 1200, height: 800 } },
  'wide': { colorScheme: 'light', viewport: { width: 2200, height: 1100 } },
  'phone': { ...withoutBrowser(devices['Pixel 7']), colorScheme: 'light' },
  'phone-dark': { ...withoutBrowser(devices['Pixel 7']), colorScheme: 'dark' },
} as const;

function withoutBrowser({ defaultBrowserType: _, ...device }: (typeof devices)[string]) {
  return device;
}

async function picture(person: Person, name: string): Promise<void> {
  await person.page.screenshot({ path: `${FOLDER}/${name}.png`, animations: 'disabled', caret: 'hide' });
}

for (const [shape, browser] of Object.entries(SHAPES)) {
  test(`pages, ${shape}`, async ({ person, visitor, startServer }) => {
    const server = await startServer({ PARLEY_SCRIPTED: 'false', PARLEY_DEFAULT_MODEL: '' });
    const nobody = await visitor({ server, browser });
    for (const page of ['sign-in', 'sign-up']) {
      await nobody.open(`/${page}`);
      await picture(nobody, `${page}-${shape}`);
    }
    const ada = await person({ server, browser, name: 'ada' });
    await picture(ada, `home-${shape}`);
    await ada.begin('What time is it in Tokyo?');
    await ada.answered(1);
    await ada.open('/');
    await ada.begin('sum 2 40\nsentiment I love how quick this is!');
    const reply = await ada.answered(1);
    await reply.locator('summary').first().click();
    await picture(ada, `chat-${shape}`);
    const shown = `${FOLDER}/chat.png`;
    if (shape === 'light' && (process.env.UPDATE_SCREENSHOT === '1' || !existsSync(shown))) {
      copyFileSync(`${FOLDER}/chat-light.png`, shown);
    }
    await ada.open('/settings');
    await picture(ada, `settings-${shape}`);
  });
}
