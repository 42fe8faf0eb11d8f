ENV.fetch("HOSTS").split.each { |host| server host, roles: %w[app] }
