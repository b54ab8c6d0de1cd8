/** Told to control planes and on the admin port. */
export const version = '0.1.0';
