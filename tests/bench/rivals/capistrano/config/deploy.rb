set :application, "shop"
set :deploy_to, ENV.fetch("DEPLOY_TO")
set :linked_dirs, %w[var]
set :format_options, color: false, log_file: nil
set :ssh_options, config: ENV.fetch("SSH_CONFIG")

after "deploy:updated", :build do
  on(release_roles(:all)) { within(release_path) { execute :build } }
end
after "deploy:published", :restart do
  on(release_roles(:all)) { execute :restart }
end
after "deploy:published", :probe do
  on(release_roles(:all)) { execute :probe }
end
