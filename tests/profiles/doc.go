// Package profiles checks what contrib/ has to confine the node from outside: that every program has
// its AppArmor profile and SELinux type, and, with the build tag profiles (make check-profiles),
// what the tools of AppArmor, SELinux and systemd say to the files.
package profiles
