// Addresses from elsewhere, as the one to go to after sign-in: only the app's own are followed.

/** The path and query of an address of this app; "/" for any other, however it is spelt. */
export function ownAddress(to: string | null, here: string): string {
  try {
    const origin = new URL(here).origin;
    const url = new URL(to ?? "/", origin);
    // Two slashes at the beginning would name another host again.
    return url.origin === origin ? `${url.pathname.replace(/^\/+/, "/")}${url.search}` : "/";
  } catch {
    return "/";
  }
}
