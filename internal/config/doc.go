// Package config reads options from the command line and from configuration files. It knows nothing
// of channels.
//
// Every option is declared once, in a table: lightningd's own in Core, a plugin's by Declare when its
// manifest is known. So reading has two phases: Load finds the folder and the network, reads all
// settings and checks those of the core options; after the plugins' options are declared, Finish
// refuses what is left over. Each error names the option and its place.
//
// A later source outweighs an earlier one, and a multi option has the values of all, in this order:
//
//	<lightning-dir>/config             or the file that --conf names, and then no other
//	<lightning-dir>/<network>/config
//	the command line
//
// A file has one name=value or name a line; white space around a line is trimmed, an empty line or one
// that starts with # is skipped. "include PATH" reads another file in place; a relative path starts
// at the folder of the file that has it.
package config
