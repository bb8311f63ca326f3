module compat/check

go 1.26
