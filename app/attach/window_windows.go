package attach

import (
	"os/exec"
	"syscall"
)

// quiet keeps a console from flashing up.
func quiet(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{HideWindow: true} }
