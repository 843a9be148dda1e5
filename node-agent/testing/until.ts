/** Polls until the condition holds; throws an Error that names it after the time. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`within ${timeoutMs} ms it did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
