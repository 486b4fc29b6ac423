//go:build !race

package onchain_test

const underRace = false
