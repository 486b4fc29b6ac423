// Package peers has the nodes that tests/interop runs against, as tools of its module.
package peers
