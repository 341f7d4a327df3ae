module tensoros

go 1.26
