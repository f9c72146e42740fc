// The page of connections: it shows how servers fare when it is opened, so it is opened until they fare as expected.
import { type Locator, expect } from '@playwright/test';
import type { Person } from './person';

/** Connects a server of one's own, and waits until the page lists it: leaving earlier would call the request back. */
export async function connect(person: Person, name: string, address: string): Promise<void> {
  const { page } = person;
  await person.open('/settings/connections');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Address').fill(address);
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await expect(page.getByRole('region', { name })).toBeVisible();
}

/** Opens the page until the region of the server of that name is as expected. */
export async function fares(person: Person, name: string, expected: (region: Locator) => Promise<void>): Promise<void> {
  await expect(async () => {
    await person.open('/settings/connections');
    await expected(person.page.getByRole('region', { name }));
  }).toPass({ timeout: 30_000 });
}

export async function connected(person: Person, name: string): Promise<void> {
  await fares(person, name, (region) => expect(region).toContainText('Connected', { timeout: 500 }));
}
