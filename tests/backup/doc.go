// Package backup destroys nodes' disks, and restores the nodes from what is left elsewhere.
package backup
