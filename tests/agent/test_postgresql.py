"""PostgreSQL's own programs on a server of its own: what a migration did to a database is undone, all or nothing."""

import glob
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support
import test_agent

agent = test_agent.agent

BEFORE = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE note (id serial PRIMARY KEY, text text NOT NULL, mood mood);
CREATE VIEW notes AS SELECT text FROM note;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
CREATE SCHEMA audit;
CREATE TABLE audit.line (text text);
INSERT INTO note (text, mood) VALUES ('kept', 'good');
INSERT INTO audit.line VALUES ('kept too');
"""
MIGRATION = """
ALTER TABLE note ADD COLUMN colour text;
UPDATE note SET text = 'migrated';
CREATE TABLE added (id serial PRIMARY KEY, mood mood);
CREATE SCHEMA fresh CREATE TABLE leaf (n int);
CREATE FUNCTION thrice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 3';
DROP TABLE audit.line;
"""


def programs():
    """Where the server's programs are, or None."""
    found = shutil.which("initdb")
    folders = [os.path.dirname(found)] if found else sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    return next((folder for folder in folders if os.path.exists(os.path.join(folder, "initdb"))), None)


def server_user():
    """The server refuses to be root's."""
    if os.getuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@unittest.skipUnless(programs(), "no PostgreSQL server is installed")
class Database(test_agent.OnHost):
    @classmethod
    def setUpClass(cls):
        cls.folder, cls.port, cls.user = tempfile.mkdtemp(prefix="pg-"), support.free_port(), server_user()
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        if cls.user:
            shutil.chown(cls.folder, cls.user)
        cls.data = os.path.join(cls.folder, "data")
        cls.password = os.path.join(cls.folder, "password")
        with open(cls.password, "w", encoding="ascii") as file:
            file.write("s3cret\n")
        os.chmod(cls.password, 0o644)
        cls.server("initdb", "-D", cls.data, "-U", "admin", "--auth=scram-sha-256", f"--pwfile={cls.password}",
                   "--no-sync")
        options = f"-p {cls.port} -k {cls.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        cls.server("pg_ctl", "-D", cls.data, "-w", "-l", os.path.join(cls.folder, "log"), "-o", options, "start")
        cls.addClassCleanup(cls.server, "pg_ctl", "-D", cls.data, "-m", "immediate", "stop")

    @classmethod
    def server(cls, name, *arguments):
        subprocess.run([os.path.join(programs(), name), *arguments], check=True, cwd=cls.folder, user=cls.user,
                       stdout=subprocess.DEVNULL)

    def setUp(self):
        super().setUp()
        self.layout.make()
        passfile = self.host.at("shared", ".pgpass")
        passfile.write_text(f"127.0.0.1:{self.port}:*:admin:s3cret\n127.0.0.1:{self.port}:*:shop:s3cret\n")
        passfile.chmod(0o600)
        self.sql("postgres", "DROP DATABASE IF EXISTS shop")
        self.sql("postgres", "DROP ROLE IF EXISTS shop")
        self.sql("postgres", "CREATE ROLE shop LOGIN PASSWORD 's3cret'")
        self.sql("postgres", "CREATE DATABASE shop OWNER shop")
        self.sql("shop", "CREATE EXTENSION IF NOT EXISTS pg_trgm" if self.has("pg_trgm") else "SELECT 1")
        self.sql("shop", BEFORE, "shop")
        self.data_table = {"kind": "postgresql", "database": self.address("shop", "shop"), "keep": 3}

    def has(self, extension):
        found = self.sql("postgres", f"SELECT 1 FROM pg_available_extensions WHERE name = '{extension}'")
        return found.strip() == "1"

    def address(self, database, user):
        return f"host=127.0.0.1 port={self.port} dbname={database} user={user}"

    def sql(self, database, text, user="admin"):
        done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.address(database, user), "-c", text],
                              check=True, capture_output=True, text=True,
                              env={**os.environ, "PGPASSWORD": "s3cret"})
        return done.stdout

    def backup(self):
        return agent.Backup(self.layout, "a1-1.1.0", self.log(), {})

    def log(self):
        return str(self.host.at("log"))

    def restore(self):
        agent.Restore(self.backup(), self.host.path, self.data_table).run()

    def state(self):
        relations = self.sql("shop", "SELECT table_schema || '.' || table_name FROM information_schema.tables "
                             "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') ORDER BY 1")
        return relations.split(), self.sql("shop", "SELECT * FROM note"), self.sql("shop", "SELECT proname FROM pg_proc "
                                                                                  "WHERE proname ~ '^(tw|thr)ice$'")

    def test_a_migration_is_undone_and_nothing_of_it_stays(self):
        before = self.state()
        seal = self.backup().make(self.host.path, self.data_table)
        self.assertEqual((seal["kind"], seal["files"]), ("postgresql", 1))
        self.sql("shop", MIGRATION, "shop")
        self.assertNotEqual(self.state(), before)
        self.restore()
        self.assertEqual(self.state(), before)
        self.assertEqual(self.sql("shop", "SELECT text FROM audit.line"), "kept too\n")
        self.sql("shop", MIGRATION, "shop")  # nothing of it is in the way

    def test_what_cannot_be_put_back_changes_nothing(self):
        self.backup().make(self.host.path, self.data_table)
        self.sql("shop", MIGRATION, "shop")
        self.sql("shop", "CREATE SCHEMA others")  # of another owner: it may not be dropped
        before = self.state()
        self.refused("restore", self.restore)
        self.assertEqual(self.state(), before)

    def test_no_password_is_asked_for_or_logged(self):
        self.host.at("shared", ".pgpass").unlink()
        self.refused("backup", self.backup().make, self.host.path, self.data_table)
        self.assertNotIn("s3cret", self.host.at("log").read_text())
        self.assertEqual(os.listdir(self.layout.backups), [])


if __name__ == "__main__":
    unittest.main()
