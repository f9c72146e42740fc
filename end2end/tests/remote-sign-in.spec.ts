// Signing in to a connected server: one Parley's bot uses the tools of another, which asks its person first.
import { violations } from './support/axe';
import { connect, connected, fares } from './support/connections';
import { PASSWORD, type Person, script } from './support/person';
import type { Parley } from './support/server';
import { expect, test } from './support/test';

const library = (person: Person) => person.page.getByRole('region', { name: 'Library' });
const signIn = (person: Person) => library(person).getByRole('button', { name: 'Sign in: Library' });

const wantsSignIn = (person: Person) => fares(person, 'Library', () => expect(signIn(person)).toBeVisible({ timeout: 500 }));

/** Connects a server, and goes to it as somebody new there, up to its question. */
async function asked(person: Person, server: Parley): Promise<void> {
  const { page } = person;
  await connect(person, 'Library', `${server.url}/mcp`);
  await wantsSignIn(person);
  expect(await violations(page), 'a server that waits').toEqual([]);
  await signIn(person).click();
  await expect(page.getByRole('heading', { name: 'Sign in to «Library»' })).toBeVisible();
  await expect(page.getByText('Parley never sees your password there')).toBeVisible();
  expect(await violations(page), 'the way there').toEqual([]);
  await page.getByRole('link', { name: 'Go on to localhost' }).click();
  // There nobody is known yet; where one was going is kept.
  await page.getByRole('link', { name: 'Make an account' }).click();
  await page.getByLabel('Name', { exact: true }).fill('reader');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Make the account' }).click();
  await expect(page.getByRole('heading', { name: 'Let «Parley» in?' })).toBeVisible();
}

test('a server is signed in to, used and signed out of', async ({ startServer, person }) => {
  const home = await startServer({ PARLEY_MCP_PRIVATE: 'allow' });
  const ada = await person({ server: home });
  // By another name of this machine: the two have their cookies apart.
  await asked(ada, await startServer({}, 'localhost'));
  await ada.page.getByRole('button', { name: 'Let it in', exact: true }).click();
  await expect(ada.page).toHaveURL(`${home.url}/settings/connections`);
  await connected(ada, 'Library');

  await ada.open('/');
  await ada.begin(script('tool library__sum {"numbers": [2, 40]}', 'echo', 'say finished'));
  await ada.page.getByRole('button', { name: 'Allow once' }).click();
  await ada.answered(1);
  await expect(ada.replies.last()).toContainText('42');

  await ada.open('/settings/connections');
  const signOut = library(ada).getByRole('button', { name: 'Sign out: Library' });
  await signOut.click();
  await expect(signOut).toHaveCount(0);
  await wantsSignIn(ada);
});

test('whoever does not let it in is told so, and nothing is connected', async ({ startServer, person, complaints }) => {
  complaints.expect(/status 400/, /status of 400/);
  const ada = await person({ server: await startServer({ PARLEY_MCP_PRIVATE: 'allow' }) });
  await asked(ada, await startServer({}, 'localhost'));
  await ada.page.getByRole('button', { name: 'Do not let it in' }).click();
  await expect(ada.page.getByRole('heading', { name: 'Not signed in' })).toBeVisible();
  expect(await violations(ada.page)).toEqual([]);
  await ada.page.getByRole('link', { name: 'To your connections' }).click();
  await expect(signIn(ada)).toBeVisible();
});
