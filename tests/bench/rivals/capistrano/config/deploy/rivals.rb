# Not HOSTS, which is a filter of Capistrano's own.
ENV.fetch("SERVERS").split.each { |host| server host, roles: %w[app] }
