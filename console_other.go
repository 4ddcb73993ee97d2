//go:build !windows

package main

// attachConsole has nothing to do where a program always has its terminal.
func attachConsole() {}
