module clasp.test/driver

go 1.26
