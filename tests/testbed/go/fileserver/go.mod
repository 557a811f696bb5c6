// fileserver needs nothing but the standard library.
module ankra.dev/testbed/fileserver

go 1.26.0
