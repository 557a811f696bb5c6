// leash needs nothing but the standard library: it builds in a second, before
// anything is downloaded.
module ankra.dev/testbed/leash

go 1.26.0
