package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// attachConsole connects the standard streams to the terminal that the program was started from. A Windows program that
// opens a window has none of its own, and its commands would print into the void. Streams that are redirected stay so.
func attachConsole() {
	const parent = ^uintptr(0) // ATTACH_PARENT_PROCESS
	attach := windows.NewLazySystemDLL("kernel32.dll").NewProc("AttachConsole")
	if ok, _, _ := attach.Call(parent); ok == 0 {
		return // not started from a terminal
	}
	open := func(name string, mode int, std *(*os.File), handle uint32) {
		if h, err := windows.GetStdHandle(handle); err == nil && h != 0 && h != windows.InvalidHandle {
			return
		}
		if f, err := os.OpenFile(name, mode, 0); err == nil {
			*std = f
		}
	}
	open("CONIN$", os.O_RDWR, &os.Stdin, windows.STD_INPUT_HANDLE)
	open("CONOUT$", os.O_RDWR, &os.Stdout, windows.STD_OUTPUT_HANDLE)
	open("CONOUT$", os.O_RDWR, &os.Stderr, windows.STD_ERROR_HANDLE)
}
