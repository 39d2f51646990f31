/** The version in package.json, which Workers cannot read. A test compares them. */
export const version = '0.1.0'
