import datetime
import django.contrib.auth.models
import django.contrib.auth.validators
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import schedules.models.calendars
import schedules.validators
import timezone_field.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('schedules', '0001_initial'), ('schedules', '0002_schedules_in_full'), ('schedules', '0003_notices_reminder_limits'), ('schedules', '0004_limits'), ('schedules', '0005_calendar_link_dated_by_the_database'), ('schedules', '0006_words'), ('schedules', '0007_days_of_duty'), ('schedules', '0008_submission'), ('schedules', '0009_api_tokens'), ('schedules', '0010_when_a_person_left'), ('schedules', '0011_plain_words')]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='CalendarFeed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='For example: Team 1 calendar.', max_length=100, unique=True)),
                ('url', models.URLField(blank=True, help_text='The address from which it is read every quarter of an hour: https://…, or webcal://… for the same. Leave empty to use the text below.', max_length=1000, verbose_name='URL')),
                ('time_zone', timezone_field.fields.TimeZoneField(default='UTC', help_text='The zone of whole-day events and of times without a zone.')),
                ('content', models.TextField(blank=True, help_text='The last good copy. People are found by e-mail address, username or full name in an event.')),
                ('unknown', models.TextField(blank=True, editable=False, help_text='Events that name nobody known here.')),
                ('error', models.CharField(blank=True, editable=False, max_length=500)),
                ('fetched_at', models.DateTimeField(editable=False, help_text='When the last good copy was read.', null=True)),
                ('failing_since', models.DateTimeField(editable=False, null=True)),
                ('due_at', models.DateTimeField(db_index=True, editable=False, null=True)),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='Rotation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='For example: Team 1.', max_length=100, unique=True)),
                ('every', models.PositiveSmallIntegerField(default=1, help_text='The length of one turn, in the unit beside it.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366)], verbose_name='one turn lasts')),
                ('unit', models.CharField(choices=[('hours', 'hours'), ('days', 'days'), ('weeks', 'weeks'), ('months', 'months')], default='weeks', help_text='Months are calendar months.', max_length=6)),
                ('first_day', models.DateField(default=datetime.date(2026, 1, 5), help_text="The day on which the first person's first turn starts. Nobody is on duty before it. Weekly turns start on this day of the week, monthly turns on this day of the month, or on the last day of a shorter month.", validators=[django.core.validators.MinValueValidator(datetime.date(1970, 1, 1)), django.core.validators.MaxValueValidator(datetime.date(2199, 12, 31))])),
                ('duty_days', models.CharField(blank=True, db_default='', default='', help_text='For turns counted in days: the days of the week that count, for example “Mon-Fri”. A turn on Friday then goes on until Monday, and everybody in the list has turns on days of duty. Leave empty to count every day.', max_length=60, validators=[schedules.validators.valid_days], verbose_name='days of duty')),
                ('handover', models.TimeField(default=datetime.time(9, 0), help_text="The time of day at which one person hands over to the next, in the rotation's time zone.")),
                ('time_zone', timezone_field.fields.TimeZoneField(default='UTC', help_text='The time zone of the handover. The handover keeps its time of day when the clocks change.')),
                ('fills', models.BooleanField(default=False, help_text='If on, the next person present takes the turn of somebody who is away or has left. If off, the turn stays empty, and pages go to the next step at once.', verbose_name='fill absences')),
                ('since', models.DateTimeField(editable=False, null=True)),
                ('first', models.PositiveSmallIntegerField(editable=False, null=True)),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='Schedule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='For example: Team 1 main.', max_length=100, unique=True)),
                ('time_zone', timezone_field.fields.TimeZoneField(default='UTC', help_text='The zone in which the schedule is drawn.')),
                ('description', models.TextField(blank=True, help_text='Whom this schedule pages, and for what.')),
                ('remind', models.DurationField(blank=True, help_text='How long before their shift people are reminded, as hours:minutes:seconds. Leave empty for no reminders.', null=True, validators=[django.core.validators.MinValueValidator(datetime.timedelta(seconds=60)), django.core.validators.MaxValueValidator(datetime.timedelta(days=28))], verbose_name='reminder')),
                ('hands_over', models.BooleanField(default=False, help_text='People are told when they come on duty, with the open alerts and the last handover note.', verbose_name='handover notes')),
                ('longest_shift', models.DurationField(blank=True, help_text='Warn if somebody is on duty longer than this without a break, for example 7 00:00:00. Leave empty for no limit.', null=True, validators=[django.core.validators.MinValueValidator(datetime.timedelta(seconds=3600))])),
            ],
            options={
                'ordering': ('name',),
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('time_zone', timezone_field.fields.TimeZoneField(default='UTC', help_text='The zone in which this person reads times.')),
                ('left_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'ordering': ('username',),
                'abstract': False,
            },
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name='RotationVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('every', models.PositiveSmallIntegerField()),
                ('unit', models.CharField(choices=[('hours', 'hours'), ('days', 'days'), ('weeks', 'weeks'), ('months', 'months')], max_length=6)),
                ('first_day', models.DateField()),
                ('duty_days', models.CharField(db_default='', default='', max_length=60)),
                ('handover', models.TimeField()),
                ('time_zone', timezone_field.fields.TimeZoneField()),
                ('crews', models.JSONField(help_text="People's ids, turn by turn.")),
                ('since', models.DateTimeField(null=True)),
                ('first', models.PositiveSmallIntegerField(null=True)),
                ('rotation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='schedules.rotation')),
            ],
            options={
                'ordering': ('pk',),
            },
        ),
        migrations.CreateModel(
            name='Override',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.DateTimeField(help_text="The start (UTC in the API; your own zone's offset is accepted).")),
                ('end', models.DateTimeField(help_text='The end, exclusive.')),
                ('reason', models.CharField(blank=True, help_text='The reason. The timeline and “who is on call” show it.', max_length=200)),
                ('instead_of', models.ForeignKey(blank=True, help_text='The person who is replaced, if several are on duty. Leave empty to replace everybody.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(help_text='The person who takes over.', on_delete=django.db.models.deletion.PROTECT, related_name='overrides', to=settings.AUTH_USER_MODEL, verbose_name='person')),
                ('schedule', models.ForeignKey(help_text='The schedule on which somebody takes over.', on_delete=django.db.models.deletion.CASCADE, related_name='overrides', to='schedules.schedule')),
            ],
            options={
                'ordering': ('start', 'pk'),
                'indexes': [models.Index(fields=['schedule', 'end'], name='schedules_o_schedul_2bf163_idx')],
                'constraints': [models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='override_ends_after_start', violation_error_message='An override must end after it starts.'), models.CheckConstraint(condition=models.Q(('instead_of', None), models.Q(('instead_of', models.F('user')), _negated=True), _connector='OR'), name='override_by_another', violation_error_message='A person cannot replace themselves.')],
            },
        ),
        migrations.CreateModel(
            name='Layer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='0 is the person whose turn it is (main), 1 the person with the next turn (backup), 2 the one after that.', validators=[django.core.validators.MaxValueValidator(20)])),
                ('hours', models.CharField(blank=True, help_text="Only in these hours of the week, in the rotation's zone. Leave empty for always. For example “Mon-Fri 09:00-17:00”, “Mon-Fri 9-17” or “Mon-Fri 18:00-08:00; Sat,Sun 00:00-24:00”.", max_length=300, validators=[schedules.validators.valid_hours])),
                ('holidays', models.CharField(blank=True, help_text='Country or country-state, such as “GB” or “DE-BE”. The layer rests on public holidays there. Leave empty for none.', max_length=12, validators=[schedules.validators.valid_region], verbose_name='not on public holidays of')),
                ('adds', models.BooleanField(default=False, help_text='If on, its people are on duty together with those of earlier layers. If off, instead of them.', verbose_name='in addition')),
                ('order', models.PositiveSmallIntegerField(default=0, help_text='A later layer wins over an earlier one.')),
                ('feed', models.ForeignKey(blank=True, help_text='Instead of a rotation: an outside calendar that says who is on duty.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='layers', to='schedules.calendarfeed', verbose_name='calendar')),
                ('rotation', models.ForeignKey(blank=True, help_text='The list of people who take turns.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='layers', to='schedules.rotation')),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='layers', to='schedules.schedule')),
            ],
            options={
                'ordering': ('order', 'pk'),
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('feed', None), ('rotation__isnull', False)), models.Q(('feed__isnull', False), ('rotation', None)), _connector='OR'), name='layer_rotation_or_calendar', violation_error_message='A layer needs either a rotation or a calendar.')],
            },
        ),
        migrations.CreateModel(
            name='HandoverNote',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('text', models.TextField(help_text='What happened, what is still open, what to watch.', max_length=4000)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('schedule', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notes', to='schedules.schedule')),
            ],
            options={
                'ordering': ('-pk',),
            },
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=64)),
                ('content', models.CharField(max_length=64)),
                ('answer', models.JSONField(null=True)),
                ('at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='submitted_once')],
            },
        ),
        migrations.CreateModel(
            name='SwapRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.DateTimeField(help_text='The start.')),
                ('end', models.DateTimeField(help_text='The end, exclusive.')),
                ('return_start', models.DateTimeField(blank=True, help_text='The start of the shift taken in return.', null=True)),
                ('return_end', models.DateTimeField(blank=True, help_text='The end of the shift taken in return.', null=True)),
                ('note', models.CharField(blank=True, help_text='The reason, in a few words.', max_length=200)),
                ('state', models.CharField(choices=[('offered', 'waiting for an answer'), ('accepted', 'accepted'), ('declined', 'declined'), ('withdrawn', 'withdrawn')], default='offered', editable=False, max_length=9)),
                ('created_at', models.DateTimeField(editable=False)),
                ('answered_at', models.DateTimeField(editable=False, null=True)),
                ('answered_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('asked', models.ForeignKey(blank=True, help_text='The person who is asked. Leave empty to ask anyone on the schedule.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='swaps_received', to=settings.AUTH_USER_MODEL)),
                ('asked_by', models.ForeignKey(help_text='The person who gives the shift away.', on_delete=django.db.models.deletion.CASCADE, related_name='swaps_asked', to=settings.AUTH_USER_MODEL)),
                ('overrides', models.ManyToManyField(editable=False, related_name='swaps', to='schedules.override')),
                ('schedule', models.ForeignKey(help_text='The schedule of the shift.', on_delete=django.db.models.deletion.CASCADE, related_name='swaps', to='schedules.schedule')),
            ],
            options={
                'ordering': ('start', 'pk'),
                'constraints': [models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='swap_ends_after_start', violation_error_message='A swap must end after it starts.'), models.CheckConstraint(condition=models.Q(models.Q(('return_end', None), ('return_start', None)), ('return_end__gt', models.F('return_start')), _connector='OR'), name='swap_return_ends_after_start', violation_error_message='A shift in return must end after it starts.'), models.CheckConstraint(condition=models.Q(('asked', None), models.Q(('asked', models.F('asked_by')), _negated=True), _connector='OR'), name='swap_with_another', violation_error_message='A person cannot swap with themselves.')],
            },
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('group_ptr', models.OneToOneField(auto_created=True, on_delete=django.db.models.deletion.CASCADE, parent_link=True, primary_key=True, serialize=False, to='auth.group')),
                ('time_zone', timezone_field.fields.TimeZoneField(default='UTC', help_text="The zone in which the team's schedules are drawn.")),
                ('description', models.TextField(blank=True, help_text='What the team looks after, in a sentence or two.')),
                ('manager', models.ForeignKey(blank=True, help_text='The engineering manager, who can find somebody when everyone on the team is silent.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='managed_teams', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('name',),
            },
            bases=('auth.group',),
            managers=[
                ('objects', django.contrib.auth.models.GroupManager()),
            ],
        ),
        migrations.AddField(
            model_name='schedule',
            name='team',
            field=models.ForeignKey(blank=True, help_text='The team that this schedule serves.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='schedules', to='schedules.team'),
        ),
        migrations.AddField(
            model_name='rotation',
            name='team',
            field=models.ForeignKey(blank=True, help_text='The team that owns the rotation.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='rotations', to='schedules.team'),
        ),
        migrations.CreateModel(
            name='CalendarLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.CharField(default=schedules.models.calendars.new_token, editable=False, max_length=64, unique=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('owner', models.ForeignKey(help_text='The person who made the link. It stops working with their account.', on_delete=django.db.models.deletion.CASCADE, related_name='calendar_links', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(blank=True, help_text='All shifts of a person.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('schedule', models.ForeignKey(blank=True, help_text='All shifts of a schedule.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='schedules.schedule')),
                ('team', models.ForeignKey(blank=True, help_text="All shifts of a team's schedules.", null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='schedules.team')),
            ],
            options={
                'ordering': ('pk',),
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('schedule', None), ('team', None), ('user__isnull', False)), models.Q(('schedule__isnull', False), ('team', None), ('user', None)), models.Q(('schedule', None), ('team__isnull', False), ('user', None)), _connector='OR'), name='calendar_link_of_one', violation_error_message='A calendar link is for one person, one schedule or one team.')],
            },
        ),
        migrations.AddField(
            model_name='calendarfeed',
            name='team',
            field=models.ForeignKey(blank=True, help_text='The team that owns the calendar. It is told if the calendar cannot be read.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='feeds', to='schedules.team'),
        ),
        migrations.CreateModel(
            name='Absence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.DateTimeField(help_text='The start.')),
                ('end', models.DateTimeField(help_text='The end, exclusive.')),
                ('reason', models.CharField(blank=True, help_text='Only you and people who look after absences see it. Optional.', max_length=200)),
                ('user', models.ForeignKey(help_text='The person who is away.', on_delete=django.db.models.deletion.CASCADE, related_name='absences', to=settings.AUTH_USER_MODEL, verbose_name='person')),
            ],
            options={
                'ordering': ('start', 'pk'),
                'indexes': [models.Index(fields=['user', 'end'], name='schedules_a_user_id_1e8fb6_idx')],
                'constraints': [models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='absence_ends_after_start', violation_error_message='An absence must end after it starts.')],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The program that uses it. For example: Grafana, nightly export.', max_length=100)),
                ('scope', models.CharField(choices=[('read', 'only read'), ('write', 'do all that its owner may do')], help_text='What it may do.', max_length=5)),
                ('key_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('key_hint', models.CharField(editable=False, max_length=12, verbose_name='begins with')),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField(help_text='From then on it is refused.')),
                ('last_used_at', models.DateTimeField(help_text='To the hour. Empty: never used.', null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='api_tokens', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'API token',
                'ordering': ('pk',),
                'constraints': [models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='api_token_ends_later')],
            },
        ),
        migrations.CreateModel(
            name='FeedEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.DateTimeField()),
                ('end', models.DateTimeField()),
                ('feed', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='entries', to='schedules.calendarfeed')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('start', 'pk'),
                'indexes': [models.Index(fields=['feed', 'end'], name='schedules_f_feed_id_52edf8_idx')],
                'constraints': [models.CheckConstraint(condition=models.Q(('end__gt', models.F('start'))), name='entry_ends_after_start')],
            },
        ),
        migrations.CreateModel(
            name='Participant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('order', models.PositiveSmallIntegerField(default=0, help_text='Turns are taken in this order, lowest first.')),
                ('partner', models.ForeignKey(blank=True, help_text='A second person who is on duty with the first; usually nobody.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='together with')),
                ('user', models.ForeignKey(help_text='The person who takes this turn.', on_delete=django.db.models.deletion.PROTECT, related_name='participations', to=settings.AUTH_USER_MODEL, verbose_name='person')),
                ('rotation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='participants', to='schedules.rotation')),
            ],
            options={
                'ordering': ('order', 'pk'),
                'constraints': [models.CheckConstraint(condition=models.Q(('partner', None), models.Q(('partner', models.F('user')), _negated=True), _connector='OR'), name='participant_partner_is_another', violation_error_message='A person cannot share a turn with themselves.')],
            },
        ),
        migrations.AddConstraint(
            model_name='rotation',
            constraint=models.CheckConstraint(condition=models.Q(('every__gte', 1)), name='rotation_every_positive'),
        ),
        migrations.AddConstraint(
            model_name='rotation',
            constraint=models.CheckConstraint(condition=models.Q(('duty_days', ''), ('unit', 'days'), _connector='OR'), name='rotation_duty_days_of_days', violation_error_message='Days of duty are for turns counted in days. Choose days, or leave the days of duty empty.'),
        ),
    ]
