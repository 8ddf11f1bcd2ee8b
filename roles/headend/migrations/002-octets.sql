-- What a session cost on the line.
alter table sessions add column octets_in bigint not null default 0;
alter table sessions add column octets_out bigint not null default 0;
