//go:build race

package onchain_test

// underRace says that the race detector watches, which takes ten times as long: there fewer histories
// run, as it looks at the same code in each.
const underRace = true
