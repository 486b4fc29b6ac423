// Package options starts real nodes with the options that public test harnesses and operators' scripts pass,
// and looks for what each does. docs/compatibility.md names the test of each.
package options
