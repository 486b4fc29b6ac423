// Package plugins has tests of the plugin protocol with real daemons and plugins in Python, of its standard
// library alone: what hooks and notifications carry, and what becomes of plugins that are slow, die or lie.
package plugins
