// relay needs nothing but the standard library.
module ankra.dev/testbed/relay

go 1.26.0
