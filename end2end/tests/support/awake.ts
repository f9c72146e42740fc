// A page is readable before it is awake, and presses do nothing until then. People notice by looking; tests by an
// attribute that is set two frames after the module was instantiated, when hydration has run and been painted.
import { type BrowserContext, type Page, expect } from '@playwright/test';

export async function tellWhenAwake(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const { instantiateStreaming } = WebAssembly;
    WebAssembly.instantiateStreaming = async (...arguments_) => {
      const instance = await instantiateStreaming.apply(WebAssembly, arguments_);
      requestAnimationFrame(() => requestAnimationFrame(() => (document.documentElement.dataset.awake = '')));
      return instance;
    };
  });
}

export async function awake(page: Page): Promise<void> {
  await expect(page.locator('html')).toHaveAttribute('data-awake', '');
}
