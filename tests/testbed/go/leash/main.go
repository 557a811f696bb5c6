// Command leash runs another command and makes sure that it does not outlive
// whoever asked for it.
//
//	leash [-grace 10s] [-free] -- COMMAND [ARGUMENTS]
//
// The command is asked to stop (SIGTERM) when the leash's standard input ends
// or the leash gets SIGTERM or SIGINT, and is killed if it is still there after
// the grace period. A parent that holds the other end of that standard input
// needs do nothing: when it ends, however it ends, the kernel closes the pipe.
// If the leash itself is killed the kernel kills the command at once. With
// -free standard input is not watched: the command stays until it is stopped.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"
)

func main() {
	grace := flag.Duration("grace", 10*time.Second, "how long the command may take to stop")
	free := flag.Bool("free", false, "do not watch standard input")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: leash [-grace 10s] [-free] -- COMMAND [ARGUMENTS]")
		os.Exit(2)
	}
	os.Exit(run(flag.Args(), *grace, *free))
}

// run starts the command, waits until it ends or must end, and answers with
// the exit code that says how it ended.
func run(args []string, grace time.Duration, free bool) int {
	// The parent-death signal goes out when the thread that started the command
	// ends, so this goroutine keeps its thread.
	runtime.LockOSThread()

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	released := make(chan struct{})
	if !free {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			close(released)
		}()
	}

	command := exec.Command(args[0], args[1:]...)
	command.Stdout = os.Stdout
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := command.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "leash:", err)
		return 127
	}

	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case err := <-ended:
		return exitCode(err)
	case <-released:
	case <-signals:
	}

	_ = command.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		return exitCode(err)
	case <-time.After(grace):
		_ = command.Process.Kill()
		return exitCode(<-ended)
	}
}

// exitCode is the code a shell would report.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 128 + int(status.Signal())
		}
		return exit.ExitCode()
	default:
		fmt.Fprintln(os.Stderr, "leash:", err)
		return 1
	}
}
